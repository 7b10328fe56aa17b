/** The choice of the device on which films are rendered. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Device } from "../api/types";
import { announce, attempt } from "../session/notices";
import { studio } from "../session/studio";

export function DeviceField() {
  const [devices, setDevices] = useState<Device[]>();
  const about = studio.value;
  const isOffered = about !== null && !about.demo;
  useEffect(() => {
    if (isOffered) void attempt(api.devices()).then((found) => setDevices(found ?? []));
  }, [isOffered]);
  if (!isOffered) return null;

  async function choose(select: HTMLSelectElement): Promise<void> {
    const chosen = select.value;
    const answer = await attempt(api.chooseDevice(chosen));
    if (answer) {
      studio.value = answer;
      announce(`What begins from now on is rendered on ${chosen}.`);
    } else {
      select.value = device;
    }
  }
  const { device } = about;
  const usable = devices?.filter(({ missing, name }) => missing == null || name === device);
  const missing = devices?.filter((other) => other.missing != null) ?? [];
  return (
    <div class="setting device">
      <div class="setting-head">
        <label for="device">Device</label>
        <select
          id="device"
          aria-describedby="device-help"
          value={device}
          disabled={!usable}
          onChange={(event) => void choose(event.currentTarget)}
        >
          {(usable ?? [{ name: device }]).map(({ name }) => (
            <option key={name} value={name}>
              {name === "auto" ? "automatic" : name}
            </option>
          ))}
        </select>
      </div>
      <p class="help" id="device-help">
        {usable ? usable.find(({ name }) => name === device)?.help : "The devices are being tried out…"}
      </p>
      {missing.length > 0 && (
        <details>
          <summary>Others</summary>
          <dl>
            {missing.map(({ name, help, missing }) => (
              <div key={name}>
                <dt>
                  {name}: {help}
                </dt>
                <dd>{missing}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </div>
  );
}
