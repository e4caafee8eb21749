// Puts the code from the link's fragment into its field. A fragment never reaches the server or its logs.
const field = document.getElementById("code");
const code = decodeURIComponent(location.hash.slice(1));
if (field && code && !field.value) {
  field.value = code;
  history.replaceState(null, "", location.pathname + location.search);
}
