// Puts the code from the link's fragment into its field. A fragment never reaches the server or its logs.
const field = document.getElementById("code");
const take = () => {
  const code = decodeURIComponent(location.hash.slice(1));
  if (!field || !code) return;
  field.value = code;
  history.replaceState(null, "", location.pathname + location.search);
};
take();
// The link may be opened in a tab that shows this page already.
addEventListener("hashchange", take);
