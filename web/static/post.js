// Posts the answer without waiting for the button.
document.getElementById("post").submit();
