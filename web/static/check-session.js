// OpenID Connect Session Management 1.0, 3.2: an application's page asks whether the login in this browser is still the one that its
// `session_state` stands for. Answers `unchanged`, `changed`, or `error` for what is not understood.
"use strict";

const cookieName = document.currentScript.dataset.cookie;

function browserState() {
  const cookies = document.cookie.split("; ");
  const found = cookies.find((cookie) => cookie.startsWith(cookieName + "="));
  return found === undefined ? "" : found.slice(cookieName.length + 1);
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function verdict(message, origin) {
  const parts = typeof message === "string" ? message.split(" ") : [];
  if (parts.length !== 2) return "error";
  const [clientId, sessionState] = parts;
  const [hash, salt] = sessionState.split(".");
  if (!clientId || !hash || !salt) return "error";
  const now = await sha256(clientId + " " + origin + " " + browserState() + " " + salt);
  return now === hash ? "unchanged" : "changed";
}

window.addEventListener("message", async (event) => {
  if (event.source === null || event.source === window) return;
  event.source.postMessage(await verdict(event.data, event.origin), event.origin);
});
