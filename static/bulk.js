/* Selecting orders of the list: all of the page at once, and how many they are. Without scripts each has its box. */

const form = document.getElementById("bulk");
const boxes = () => [...document.querySelectorAll('input[form="bulk"][name^="order-"]')];
const every = document.getElementById("bulk-every");
const count = document.getElementById("bulk-count");

function show() {
  const all = boxes();
  const ticked = all.filter((box) => box.checked).length;
  count.textContent = ticked;
  form.querySelector(".chosen").hidden = !ticked;
  every.checked = ticked > 0 && ticked === all.length;
  every.indeterminate = ticked > 0 && ticked < all.length;
  form.querySelector("button").disabled = !ticked;
}

export function start() {
  if (!form) return;
  form.querySelector(".every").hidden = false;
  every.addEventListener("change", () => (boxes().forEach((box) => (box.checked = every.checked)), show()));
  document.addEventListener("change", (event) => event.target.matches('input[form="bulk"]') && show());
  addEventListener("pageshow", show);
  show();
}
