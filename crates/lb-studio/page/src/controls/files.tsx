/** Choosing files, and dropping them. */

import { useRef } from "preact/hooks";
import { Button, IconButton } from "./button";
import type { IconName } from "./icon";

interface FileButtonProps {
  label: string;
  icon: IconName;
  accept: string;
  /** Shows only the icon. */
  small?: boolean;
  look?: "plain" | "quiet";
  onFile(file: File): void;
}

export function FileButton({ label, icon, accept, small, look, onFile }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  const choose = () => input.current?.click();
  function taken(): void {
    const file = input.current?.files?.[0];
    if (input.current) input.current.value = "";
    if (file) onFile(file);
  }
  return (
    <>
      {small ? (
        <IconButton icon={icon} label={label} onClick={choose} />
      ) : (
        <Button icon={icon} look={look} onClick={choose}>
          {label}
        </Button>
      )}
      <input ref={input} class="file-input" type="file" accept={accept} aria-label={label} tabIndex={-1} onChange={taken} />
    </>
  );
}

export const PICTURES = "image/png,image/jpeg,image/webp";
export const FILMS_AND_JOBS = ".toml,.mp4,.png,.webp,.gif";

export const hasFiles = (event: DragEvent) => !!event.dataTransfer?.types.includes("Files");
export const fileOf = (event: DragEvent) => event.dataTransfer?.files[0];
