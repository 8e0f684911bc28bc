/* The page of a share link: send the secret behind "#", make a key if the panel has none. */

import { drawCode, offerFile, withKey } from "./client-file.js";
import { NoKeys, keyPair } from "./keygen.js";

const secret = location.hash.slice(1);
let keys = null; // in this page alone, until it is closed
let noKeys = "";

const find = (selector) => document.querySelector(selector);
const say = (element, text) => {
  element.textContent = text;
  element.hidden = !text;
};

async function makeKeys() {
  try {
    keys ??= await keyPair();
  } catch (error) {
    if (!(error instanceof NoKeys)) throw error;
    noKeys = error.message;
  }
}

async function send(form) {
  await makeKeys();
  const body = new URLSearchParams(new FormData(form));
  body.set("secret", secret || body.get("secret"));
  if (keys) body.set("public_key", keys.publicKey);
  const answer = await fetch(location.pathname, { method: "POST", body, credentials: "omit" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.querySelector("main")) throw new Error(`HTTP ${answer.status}`);
  return page;
}

function show(page) {
  find("main").replaceWith(page.querySelector("main"));
  if (find("#no-key:not([hidden])") && noKeys) say(find("#no-key"), noKeys);
  if (find("#taken")) showFile(find("#taken"));
  find("#pin")?.focus();
  scrollTo(0, 0);
}

function showFile(taken) {
  const pre = find("#text");
  if ("needsKey" in taken.dataset) {
    if (keys && !("keepsKey" in taken.dataset)) fillIn(taken, pre);
    offerFile(find("#download"), taken.dataset.file, pre.textContent);
  }
  find("#copy").hidden = !navigator.clipboard;
  find(`[data-platform=${platform()}]`)?.setAttribute("open", "");
}

function fillIn(taken, pre) {
  pre.textContent = withKey(pre.textContent, taken.dataset.placeholder, keys.privateKey);
  find("#by-hand").remove();
  const canvas = document.createElement("canvas");
  const warning = drawCode(canvas, pre.textContent);
  if (warning !== null) find("#code").prepend(canvas);
  find("#code").hidden = warning === null;
  say(find("#code-note"), warning ?? "The text is too long for a QR code.");
}

function platform() {
  const agent = navigator.userAgent;
  if (/iPhone|iPad|iPod/.test(agent)) return "ios";
  if (/Android/.test(agent)) return "android";
  if (/Windows/.test(agent)) return "windows";
  return /Mac OS X/.test(agent) ? "macos" : "linux";
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  say(find("#fault"), "");
  try {
    show(await send(event.target));
  } catch {
    say(find("#fault"), "The panel does not answer. Try again in a minute.");
    button.disabled = false;
  }
});

document.addEventListener("click", async (event) => {
  if (event.target.id !== "copy") return;
  await navigator.clipboard.writeText(find("#text").textContent);
  event.target.textContent = "Copied";
});

if (find("#taken")) showFile(find("#taken"));
