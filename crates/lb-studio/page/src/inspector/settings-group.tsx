/** Settings of a group, folded, with strips that show their effect. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { SettingControl } from "../controls/setting-control";
import { settings, type TableSetting } from "../session/studio";
import { stripsOf } from "./strips";

export interface Bound {
  setting: TableSetting;
  value: unknown;
  inherited?: unknown;
  choices?: { name: string; help?: string }[];
  /** What is drawn below the control. */
  drawing?: ComponentChildren;
  onChange(value: unknown): void;
}

export const settingNamed = (table: string, key: string): TableSetting | undefined =>
  settings.value.find((setting) => setting.table === table && setting.key === key);

/** A setting with its control, and behind a button the strips of its effect. */
export function SettingRow({ drawing, ...bound }: Bound) {
  return (
    <SettingControl {...bound}>
      {drawing}
      <Examples table={bound.setting.table} name={bound.setting.key} />
    </SettingControl>
  );
}

/** Strips of the effect of a setting. They are loaded when they are asked for. */
export function Examples({ table, name }: { table: string; name: string }) {
  const [open, setOpen] = useState(false);
  const strips = stripsOf(table, name);
  if (strips.length === 0) return null;
  return (
    <>
      <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide examples" : "See what it does"}
      </button>
      {open && (
        <dl class="strips">
          {strips.map(({ value, url }) => (
            <div key={value}>
              <dt>{value}</dt>
              <dd>
                <img src={url} alt={`Frames of a film with ${value}`} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

export function SettingsGroup({ title, settings, open }: { title: string; settings: Bound[]; open?: boolean }) {
  if (settings.length === 0) return null;
  const given = settings.filter(({ value }) => value !== undefined).length;
  return (
    <details class="group" open={open}>
      <summary>
        {title}
        {given > 0 && <span class="given-count">{given} set</span>}
      </summary>
      <div class="group-settings">
        {settings.map((bound) => (
          <SettingRow key={`${bound.setting.table}.${bound.setting.key}`} {...bound} />
        ))}
      </div>
    </details>
  );
}
