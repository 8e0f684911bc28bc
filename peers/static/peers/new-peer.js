/* A key that this browser makes: its public half goes with the form, its private half into the file
   on the next page, from this tab's memory alone. */

import { drawCode, offerFile, withKey } from "./client-file.js";
import { keyPair } from "./keygen.js";

const KEPT = "wgpanel-new-private-key";

const form = document.querySelector("form[data-new-peer]");
const wanted = () => form.querySelector("input[name=keys]:checked")?.value;
const say = (text) => (form.querySelector("[data-new-key]").textContent = text);

function showWhatIsNeeded() {
  const field = form.elements.public_key;
  const row = field.closest(".field-row, .flex-col") ?? field.parentElement;
  row.hidden = wanted() !== "client";
  say(wanted() === "browser" ? "The file and its code come on the next page. Do not close this tab before." : "");
}

async function makeKey(event) {
  if (wanted() !== "browser") return;
  event.preventDefault();
  try {
    const { privateKey, publicKey } = await keyPair();
    sessionStorage.setItem(KEPT, privateKey);
    form.elements.public_key.value = publicKey;
    form.submit();
  } catch (error) {
    say(error.message);
  }
}

function completeFile(card) {
  const privateKey = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (!privateKey) return;
  const text = withKey(card.querySelector("[data-file-text]").textContent, card.dataset.placeholder, privateKey);
  card.querySelector("[data-file-text]").textContent = text;
  card.querySelector("[data-copy]").dataset.copy = text;
  offerFile(card.querySelector("[data-file-link]"), card.dataset.file, text);
  const code = card.querySelector("[data-file-code]");
  const warning = drawCode(code, text);
  code.hidden = warning === null;
  const told = card.querySelector("[data-file-warning]");
  if (told) told.textContent = warning ?? "Too long for a QR code.";
}

if (form) {
  form.addEventListener("change", showWhatIsNeeded);
  form.addEventListener("submit", makeKey);
  showWhatIsNeeded();
}
const card = document.querySelector("[data-file][data-placeholder]");
if (card) completeFile(card);
