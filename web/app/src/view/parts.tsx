/** Small things that many screens have. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Trust } from "../model/sprag.js";
import { trustWord, type Problem } from "../model/words.js";
import { Icon, IconButton, type Sign } from "./icons.jsx";

/** What went wrong, and what to do. It is read out when it appears. */
export function ProblemBox({ problem }: { problem: Problem | undefined }) {
  return (
    <div role="alert" class="alert-place">
      {problem !== undefined && (
        <div class="box box-bad">
          <Icon sign="warning" />
          <p><strong>{problem.text}</strong> {problem.remedy}</p>
        </div>
      )}
    </div>
  );
}

export function Box({ tone, sign, children }: { tone: "info" | "good" | "caution" | "bad"; sign?: Sign; children: ComponentChildren }) {
  return (
    <div class={`box box-${tone}`}>
      {sign !== undefined && <Icon sign={sign} />}
      <div class="box-body">{children}</div>
    </div>
  );
}

/** A field with its name above and what helps below. */
export function Field({ label, hint, value, onInput, type = "text", autocomplete = "off", required = false, autofocus = false, spellcheck = false, max, mono = false, invalid = false }: {
  label: string;
  hint?: ComponentChildren;
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password";
  autocomplete?: string;
  required?: boolean;
  autofocus?: boolean;
  spellcheck?: boolean;
  max?: number;
  mono?: boolean;
  invalid?: boolean;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (autofocus) input.current?.focus();
  }, [autofocus]);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {/* eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- each kind of input has a type of its own there */}
      <input ref={input} id={id} type={type as "text"} value={value} autocomplete={autocomplete} required={required} maxLength={max}
        spellcheck={spellcheck} autocapitalize="none" class={mono ? "mono" : ""} aria-invalid={invalid}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onInput={(event) => { onInput(event.currentTarget.value); }} />
      {hint !== undefined && <p id={`${id}-hint`} class="hint">{hint}</p>}
    </div>
  );
}

export function Choice<T extends string>({ legend, name, value, options, onChange }: {
  legend: string;
  name: string;
  value: T;
  options: readonly { value: T; label: string; hint?: string; disabled?: boolean }[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} class={`option ${value === option.value ? "is-chosen" : ""}`}>
          <input type="radio" name={name} checked={value === option.value} disabled={option.disabled}
            onChange={() => { onChange(option.value); }} />
          <span class="option-text">
            <span class="option-label">{option.label}</span>
            {option.hint !== undefined && value === option.value && <span class="hint">{option.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** A question with two answers. The harmless one has the focus. */
export function Confirm({ title, children, action, tone = "danger", busy = false, disabled = false, onConfirm, onCancel }: {
  title: string;
  children: ComponentChildren;
  action: string;
  tone?: "danger" | "primary";
  busy?: boolean;
  disabled?: boolean;
  onConfirm: () => void;
  onCancel: () => void;
}) {
  return (
    <Dialog title={title} onClose={onCancel}>
      {children}
      <div class="actions">
        <button type="button" class="button" onClick={onCancel} data-first>Cancel</button>
        <button type="button" class={`button ${tone}`} disabled={busy || disabled} onClick={onConfirm}>{action}</button>
      </div>
    </Dialog>
  );
}

/** A dialog of the browser's own: it keeps the focus, and Escape closes it. */
export function Dialog({ title, children, onClose, wide = false }: { title: string; children: ComponentChildren; onClose: () => void; wide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    const first = dialog.current?.querySelector("[data-first]");
    if (first instanceof HTMLElement) first.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} class={wide ? "is-wide" : ""} onCancel={(event) => {
      event.preventDefault();
      onClose();
    }} onClick={(event) => {
      if (event.target === dialog.current) onClose();
    }}>
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <IconButton sign="close" label="Close" onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

/** What is known of who somebody is: a sign and a word. */
export function TrustBadge({ trust }: { trust: Trust }) {
  const signs: Record<Trust["state"], Sign> = { unknown: "shield", "first-use": "shield", verified: "verified", "key-changed": "warning" };
  return (
    <span class={`trust trust-${trust.state}`}>
      <Icon sign={signs[trust.state]} size={16} />
      {trustWord(trust)}
    </span>
  );
}

/** The head of a page: a way back, and its name, which has the focus when it opens. */
export function PageHead({ title, onBack, children }: { title: string; onBack: () => void; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
  }, [title]);
  return (
    <div class="page-head">
      <IconButton sign="back" label="Back" onClick={onBack} />
      <h1 ref={heading} tabIndex={-1}>{title}</h1>
      {children}
    </div>
  );
}

/** The first letter of a name on a colour that goes with the name. */
export function Avatar({ name, size = "m" }: { name: string; size?: "m" | "s" }) {
  // FNV-1a; its upper bits, since the lower ones of short names are alike.
  let hash = 2_166_136_261;
  for (const letter of name) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  const hue = String((hash >>> 13) % 6);
  return <span class={`avatar avatar-${hue} avatar-size-${size}`} aria-hidden="true">{name.charAt(0)}</span>;
}
