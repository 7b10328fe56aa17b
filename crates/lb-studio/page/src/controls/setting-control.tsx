/** A control for a setting, as the program's own list of settings describes it. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Setting } from "../api/types";
import { IconButton } from "./button";
import { LateInput } from "./late-input";

interface SettingControlProps {
  setting: Setting;
  /** The value that is set here; `undefined` is a gap. */
  value: unknown;
  /** What holds while there is a gap. */
  inherited?: unknown;
  /** Choices that differ from the setting's own, as the models that there are. */
  choices?: { name: string; help?: string }[];
  /** What is shown below, such as a strip. */
  children?: ComponentChildren;
  onChange(value: unknown): void;
}

const LABELS: Record<string, string> = {
  fps: "Frames per second",
  hold: "Rest on the picture",
  seconds: "Length",
  seed: "Seed",
  loop: "Loop",
  guidance_scale: "Guidance",
  "upscale.model": "Upscaling model",
  branching: "Rule of branching",
  film_seconds: "Length of the film",
};

/** Help that says less than the program's: the page names models only by their names. */
const HELP: Record<string, string> = { ".model": "The model that draws the pictures." };

const UNITS: Record<string, string> = { hold: "s", seconds: "s", film_seconds: "s", feather: "px" };

export const labelOf = ({ key, table }: Setting) => {
  const words = LABELS[`${table}.${key}`] ?? LABELS[key] ?? key.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const shownValue = (value: unknown): string =>
  value === undefined || value === null ? "" : Array.isArray(value) ? value.join(", ") : String(value);

export function SettingControl({ setting, value, inherited, choices, children, onChange }: SettingControlProps) {
  const id = useId();
  const label = labelOf(setting);
  const help = `${id}-help`;
  const given = value !== undefined;
  const common = { id, "aria-describedby": help };
  return (
    <div class={`setting ${given ? "given" : ""}`} data-setting={setting.key}>
      <div class="setting-head">
        <label for={id}>{label}</label>
        {given && (
          <IconButton
            class="small"
            icon="reset"
            label={`${label}: back to ${shownValue(inherited) || "the default"}`}
            onClick={() => onChange(undefined)}
          />
        )}
        <Control {...{ setting, value, inherited, common, onChange }} choices={choices ?? setting.choices} />
      </div>
      <p class="help" id={help}>
        {HELP[`${setting.table}.${setting.key}`] ?? setting.help}
      </p>
      {children}
    </div>
  );
}

interface ControlProps extends Pick<SettingControlProps, "setting" | "value" | "inherited" | "choices" | "onChange"> {
  common: { id: string; "aria-describedby": string };
}

function Control({ setting, value, inherited, choices, common, onChange }: ControlProps) {
  const { type, key } = setting;
  const [minimum, maximum] = [setting.minimum ?? undefined, setting.maximum ?? undefined];
  const shown = shownValue(value ?? inherited);
  if (type === "boolean") {
    return (
      <input
        {...common}
        type="checkbox"
        role="switch"
        class="switch"
        checked={(value ?? inherited) === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  }
  if (choices?.length) {
    return (
      <select {...common} value={shown} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
        {(value ?? inherited) === undefined && <option value="">automatic</option>}
        {choices.map(({ name, help }) => (
          <option key={name} value={name} title={help}>
            {name}
          </option>
        ))}
      </select>
    );
  }
  if (type === "text" && key.endsWith("prompt")) {
    return (
      <textarea
        {...common}
        rows={2}
        value={shownValue(value)}
        placeholder={shownValue(inherited) || "nothing"}
        onInput={(event) => onChange(event.currentTarget.value || undefined)}
      />
    );
  }
  const number = type === "number" || type === "integer";
  const read = (text: string): unknown => {
    if (text.trim() === "") return undefined;
    if (type === "integers" || type === "numbers") return text.split(",").map((part) => Number(part.trim()));
    const plain = text.trim();
    return number || (type === "number_or_text" && Number.isFinite(Number(plain))) ? Number(plain) : plain;
  };
  const unit = UNITS[key];
  const slider = number && minimum !== undefined && maximum !== undefined && maximum - minimum <= 100;
  return (
    <span class="setting-value">
      {slider && (
        <input
          type="range"
          aria-label={`${labelOf(setting)}, slider`}
          min={minimum}
          max={maximum}
          step={type === "integer" ? 1 : maximum! - minimum! <= 1 ? 0.01 : 0.1}
          value={shown || String(minimum)}
          onInput={(event) => onChange(Number(event.currentTarget.value))}
        />
      )}
      <LateInput
        {...common}
        class={number ? "number" : "short"}
        type={number ? "number" : "text"}
        inputMode={number ? "decimal" : undefined}
        min={minimum}
        max={maximum}
        step="any"
        value={shownValue(value)}
        placeholder={shownValue(inherited) || "automatic"}
        onCommit={(typed) => onChange(read(typed))}
      />
      {unit && <span class="unit">{unit}</span>}
    </span>
  );
}
