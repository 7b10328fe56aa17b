/** Buttons. One that shows only an icon is named by its label, which is also its tooltip. */

import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon";

type Native = Omit<JSX.IntrinsicElements["button"], "icon" | "label">;

interface IconButtonProps extends Native {
  icon: IconName;
  label: string;
  filled?: boolean;
}

export function IconButton({ icon, label, filled, class: more, ...rest }: IconButtonProps) {
  return (
    <button type="button" class={`icon-button ${more ?? ""}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} filled={filled} />
    </button>
  );
}

interface ButtonProps extends Native {
  icon?: IconName;
  look?: "primary" | "plain" | "quiet" | "danger";
  children: ComponentChildren;
}

export function Button({ icon, look = "plain", class: more, children, ...rest }: ButtonProps) {
  return (
    <button type="button" class={`button ${look} ${more ?? ""}`} {...rest}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}
