// OpenID Connect Session Management 1.0, 3.2: an application's page asks whether the login in this browser is still the one that its
// `session_state` stands for. Answers `unchanged`, `changed`, or `error` for what is not understood.
//
// Written for old browsers too, and with SHA-256 of its own (FIPS 180-4): the browser's is there over TLS only.
"use strict";

var cookieName = document.currentScript.getAttribute("data-cookie");

function browserState() {
  var cookies = document.cookie.split("; ");
  for (var i = 0; i < cookies.length; i++) {
    if (cookies[i].indexOf(cookieName + "=") === 0) return cookies[i].slice(cookieName.length + 1);
  }
  return "";
}

// The first 32 bits of the fractional parts of the `root`-th roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
function constants(count, root) {
  var found = [];
  for (var n = 2; found.length < count; n++) {
    var prime = true;
    for (var d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) found.push(((Math.pow(n, 1 / root) % 1) * 4294967296) | 0);
  }
  return found;
}

var K = constants(64, 3);

function rotate(x, n) {
  return (x >>> n) | (x << (32 - n));
}

function compress(state, w) {
  for (var t = 16; t < 64; t++) {
    var s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >>> 3);
    var s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  var v = state.slice();
  for (t = 0; t < 64; t++) {
    var big1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    var one = (v[7] + big1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[t] + w[t]) | 0;
    var big0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    var two = (big0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))) | 0;
    v = [(one + two) | 0, v[0], v[1], v[2], (v[3] + one) | 0, v[4], v[5], v[6]];
  }
  return state.map(function (word, i) {
    return (word + v[i]) | 0;
  });
}

// `text` is ASCII: identifiers, origins and base64url.
function sha256(text) {
  var blocks = ((text.length + 8) >> 6) + 1;
  var words = [];
  for (var i = 0; i < blocks * 16; i++) words.push(0);
  for (i = 0; i < text.length; i++) words[i >> 2] |= (text.charCodeAt(i) & 255) << (24 - (i & 3) * 8);
  words[text.length >> 2] |= 128 << (24 - (text.length & 3) * 8);
  words[blocks * 16 - 1] = text.length * 8;
  var state = constants(8, 2);
  for (i = 0; i < blocks; i++) state = compress(state, words.slice(i * 16, i * 16 + 16));
  return state
    .map(function (word) {
      return ("0000000" + (word >>> 0).toString(16)).slice(-8);
    })
    .join("");
}

function verdict(message, origin) {
  var parts = typeof message === "string" ? message.split(" ") : [];
  if (parts.length !== 2) return "error";
  var state = parts[1].split(".");
  if (!parts[0] || state.length !== 2 || !state[0] || !state[1]) return "error";
  var now = sha256(parts[0] + " " + origin + " " + browserState() + " " + state[1]);
  return now === state[0] ? "unchanged" : "changed";
}

window.addEventListener("message", function (event) {
  if (event.source === null || event.source === window) return;
  event.source.postMessage(verdict(event.data, event.origin), event.origin);
});
