/* A client's file in the browser: put the private key in, save it, draw it. Nothing is sent. */

import { correction, generate } from "./vendor/lean-qr/lean-qr.mjs";

const MOST_OCTETS = 2953; // as peers/qr.py
const DENSE_SIZE = 17 + 4 * 25; // modules of version 25

/** The text with the private key in the place that the panel left for it. */
export function withKey(text, placeholder, privateKey) {
  if (text.split(placeholder).length !== 2) throw new Error("the file has no one place for the key");
  return text.replace(/^# .*\n/m, "").replace(placeholder, () => privateKey);
}

/** Let a link save `text` under `name`. */
export function offerFile(link, name, text) {
  const file = new Blob([text], { type: "application/octet-stream" }); // text/plain would add .txt
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.hidden = false;
}

/** Draw `text`, a pixel a module, and return a warning, empty where a telephone reads it; null: too long to be drawn. */
export function drawCode(canvas, text) {
  if (new TextEncoder().encode(text).length > MOST_OCTETS) return null;
  const code = generate(text, { minCorrectionLevel: correction.L });
  code.toCanvas(canvas, { on: [0, 0, 0, 255], off: [255, 255, 255, 255], pad: 4 });
  const dense = "This code is dense: a telephone may not read it. Take the file instead.";
  return code.size > DENSE_SIZE ? dense : "";
}
