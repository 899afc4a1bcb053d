// Small questions in the middle of the window: a text, or yes or no.
import { h } from "../dom.js";

interface Question {
  readonly title: string;
  readonly text?: string;
  /** The label of the button that does it. */
  readonly action: string;
  /** What it does can't be undone. */
  readonly grave?: boolean;
}

/** Whether the person said yes. */
export async function confirm(question: Question): Promise<boolean> {
  return (await ask(question)) !== null;
}

/** The text that the person gave, trimmed; null when they changed their mind. */
export function askText(question: Question & { label: string; value: string; lengthMax: number }): Promise<string | null> {
  const input = h("input", {
    type: "text", "aria-label": question.label, value: question.value, maxlength: question.lengthMax, autocomplete: "off",
  });
  return ask(question, input);
}

function ask(question: Question, input?: HTMLInputElement): Promise<string | null> {
  return new Promise((resolve) => {
    const heading = h("h2", { id: "dialog-title" }, question.title);
    const no = h("button", { type: "button", class: "plain", click: () => dialog.close() }, "Cancel");
    const yes = h("button", { type: "submit", class: question.grave ? "danger" : "primary" }, question.action);
    const dialog = h(
      "dialog",
      {
        class: "dialog", "aria-labelledby": "dialog-title",
        close: () => { dialog.remove(); resolve(dialog.returnValue === "yes" ? (input?.value.trim() ?? "") : null); },
        // A click beside the dialog is a click on its backdrop.
        click: (event: MouseEvent) => { if (event.target === dialog) dialog.close(); },
      },
      h("form", {
        method: "dialog",
        submit: (event: SubmitEvent) => { event.preventDefault(); if (input?.value.trim() !== "") dialog.close("yes"); },
      }, heading, question.text && h("p", {}, question.text), input, h("div", { class: "dialog-actions" }, no, yes)),
    );
    document.body.append(dialog);
    dialog.showModal();
    // In a grave question the safe answer is the one that Enter gives.
    if (input) input.select();
    else if (question.grave) no.focus();
  });
}
