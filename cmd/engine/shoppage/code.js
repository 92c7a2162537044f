// A code that a buyer gives: a link that opens a field, and what is said of the code, where it was written.

/** Whether a refusal is about the code that was given. */
export const aboutCode = (problem) => problem?.field === "code";

/**
 * Puts the field in the place that the page has for it. use is called with Enter, and by a button if it has a name; changed when another text stands in the field. It returns
 * what the page may do with the field.
 */
export function codeField(place, { example, button, use, changed = () => {} }) {
  const root = document.getElementById(place);
  root.replaceChildren(document.getElementById("code").content.cloneNode(true));
  const link = root.querySelector(".link"), box = root.querySelector(".code-box"), input = root.querySelector("input"), go = root.querySelector(".plain"), said = root.querySelector(".status");
  for (const el of [box, input, root.querySelector(".quiet"), said]) el.id = `${place}-${el.dataset.part}`;
  link.id = `${place}-link`;
  go.id = `${place}-go`;
  link.setAttribute("aria-controls", box.id);
  input.setAttribute("aria-describedby", `${place}-hint ${said.id}`);
  go.hidden = !button;
  const field = {
    get text() {
      return box.hidden ? "" : input.value.trim();
    },
    /** Opens the field or shuts it; what stands in it counts only while it is open. */
    open(now, focus = false) {
      box.hidden = !now;
      link.setAttribute("aria-expanded", String(now));
      link.textContent = now ? "No code" : "I have a code";
      if (focus) (now ? input : link).focus();
      changed();
    },
    /** Says something of the code; what is bad brings the buyer back to it. */
    say(text, tone = "") {
      said.textContent = text;
      said.dataset.tone = tone;
      input.setAttribute("aria-invalid", String(tone === "bad"));
      if (tone !== "bad") return;
      if (box.hidden) field.open(true);
      input.focus();
    },
    /** Says whether the code is used: then it stands fast, and the button lets go of it. */
    used(now) {
      input.readOnly = link.hidden = root.querySelector(".quiet").hidden = now;
      go.textContent = now ? "Do not use it" : button;
    },
    fill(text) {
      input.value = text;
      field.open(true);
    },
    clear(focus = false) {
      input.value = "";
      field.say("");
      field.used(false);
      field.open(false, focus);
    },
    set busy(now) {
      go.disabled = link.disabled = now;
    },
  };
  root.querySelector(".quiet b").textContent = example;
  go.textContent = button ?? "";
  link.addEventListener("click", () => {
    field.say("");
    field.open(box.hidden, true);
  });
  go.addEventListener("click", () => use?.());
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !use) return;
    event.preventDefault();
    if (!go.disabled) use();
  });
  input.addEventListener("input", () => {
    field.say("");
    changed();
  });
  return field;
}
