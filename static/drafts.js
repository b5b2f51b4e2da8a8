/* What is being written survives what happens around it: a reload, signing in again, a conflict. Fields name their draft. */

const nameOf = (field) => `draft:${field.dataset.draft}`;
const fields = (root) => root.querySelectorAll("[data-draft]");

function keep(field) {
  try {
    if (field.value) sessionStorage.setItem(nameOf(field), field.value);
    else sessionStorage.removeItem(nameOf(field));
  } catch {
    // storage is full or forbidden: the draft lives as long as the page
  }
}

/** Fill in what was being written; an open menu shows it. */
export function restore(root = document) {
  for (const field of fields(root)) {
    const draft = dirty(field) ? null : sessionStorage.getItem(nameOf(field));
    if (!draft || draft === field.value) continue;
    field.value = draft;
    field.closest("details")?.setAttribute("open", "");
  }
}

/** It was sent. */
export function forget(form) {
  for (const field of fields(form)) sessionStorage.removeItem(nameOf(field));
}

/** Whether the reader has changed this field. */
export function dirty(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  return field.matches("input:not([type=hidden]), textarea") && field.value !== field.defaultValue;
}

export function start() {
  restore();
  document.addEventListener("input", ({ target }) => target.matches("[data-draft]") && keep(target));
}
