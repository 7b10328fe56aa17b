/** A button that opens a list of actions, with the arrow keys and Escape. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** What it is about to do, in a few words. */
  note?: string;
  disabled?: boolean;
  /** A file to download instead of something to do. */
  href?: string;
  act?(): void;
}

interface MenuProps {
  label: string;
  icon: IconName;
  /** Text beside the icon; without it the label is only read out. */
  text?: string;
  class?: string;
  items: MenuItem[];
}

export function Menu({ label, icon, text, class: more, items }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const list = useId();

  useEffect(() => {
    if (!open) return;
    entries(root.current)[0]?.focus();
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  function close(): void {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (!open) return;
    const all = entries(root.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") close();
    else if (event.key === "Tab") setOpen(false);
    if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    if (to !== undefined || event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  return (
    <div class={`menu ${more ?? ""}`} ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        class={text ? "button plain" : "icon-button"}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? list : undefined}
        aria-label={text ? undefined : label}
        title={label}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
        {text && <span>{text}</span>}
      </button>
      {open && (
        <ul role="menu" id={list} aria-label={label}>
          {items.map(({ label, icon, note, disabled, href, act }) => (
            <li role="none" key={label}>
              {href ? (
                <a role="menuitem" tabIndex={-1} href={href} download="" onClick={() => setOpen(false)}>
                  {icon && <Icon name={icon} />}
                  <span>{label}</span>
                  {note && <small>{note}</small>}
                </a>
              ) : (
                <button
                  type="button"
                  role="menuitem"
                  tabIndex={-1}
                  aria-disabled={disabled}
                  onClick={() => {
                    if (disabled) return;
                    close();
                    act?.();
                  }}
                >
                  {icon && <Icon name={icon} />}
                  <span>{label}</span>
                  {note && <small>{note}</small>}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function entries(root: HTMLElement | null): HTMLElement[] {
  return root ? [...root.querySelectorAll<HTMLElement>('[role="menuitem"]')] : [];
}
