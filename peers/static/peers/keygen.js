/* A key pair of WireGuard (X25519, RFC 7748), made by the browser: the private key stays in it. */

export class NoKeys extends Error {}

const base64 = (octets) => btoa(String.fromCharCode(...octets));

/** Why this browser makes no keys, as a sentence; it is thrown as NoKeys. */
const whyNot = () =>
  globalThis.isSecureContext
    ? "This browser cannot make X25519 keys. Chrome 133, Firefox 130, Safari 17 and later can."
    : "Browsers make keys only on pages that come by HTTPS, and this one does not.";

/** Return {privateKey, publicKey} in base64; throw NoKeys where the browser cannot make them. */
export async function keyPair() {
  let pair;
  try {
    pair = await crypto.subtle.generateKey({ name: "X25519" }, true, ["deriveBits"]);
  } catch {
    throw new NoKeys(whyNot()); // no crypto.subtle, or it does not know X25519
  }
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { privateKey: base64(clamped(pkcs8.slice(-32))), publicKey: base64(publicKey) };
}

/* As `wg genkey` writes it, RFC 7748 section 5; the public key is the same. */
const clamped = (octets) => {
  octets[0] &= 248;
  octets[31] = (octets[31] & 127) | 64;
  return octets;
};
