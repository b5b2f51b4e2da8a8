/* The page's words and its language's way of writing: given by the server, in the reader's language. */

const given = JSON.parse(document.getElementById("texts").textContent);

/** The locales for `Intl`: of dates, and of numbers. */
export const { dates, numbers } = given.locales;

/** Whether there is a text of this name. */
export const knows = (name) => name in given.texts;

/** One of the server's texts (`TEXTS` in dashboard/texts.py), with its placeholders filled in. */
export function text(name, values = {}) {
  return given.texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}
