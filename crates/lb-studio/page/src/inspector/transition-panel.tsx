/** The settings of the selected transition, and its tree. */

import { Button } from "../controls/button";
import { editKeyframe, filmSetting, TRANSITION_KEYS } from "../job/edits";
import { edit, job, keyframes, knownTransition, project, reached, selectedIndex, start } from "../session/open-project";
import { activeTasks, modelNamed } from "../session/studio";
import { TreeDrawing } from "../tree/tree-drawing";
import { CostLine } from "./cost-line";
import { costOfTransition } from "./cost";
import { GuidanceCurve } from "./guidance-curve";
import { settingNamed, SettingRow, SettingsGroup, type Bound } from "./settings-group";

/** The settings that are not folded. */
const FIRST = ["seconds", "depth_strength", "quality"];

function Curve({ index, to, damper }: { index: number; to: number; damper: number }) {
  const resolved = project.value?.resolved?.keyframes;
  const [first, second] = [resolved?.[index], resolved?.[to]];
  if (!first || !second || !Number.isFinite(damper)) return null;
  return <GuidanceCurve scales={[first.guidance_scale, second.guidance_scale]} damper={damper} />;
}

export function TransitionPanel() {
  const index = selectedIndex.value;
  const keyframe = keyframes.value[index];
  if (!keyframe) return null;
  const to = (index + 1) % keyframes.value.length;
  const { plan } = knownTransition(index);
  const busy = activeTasks.value.some(
    ({ project: of, act }) => of === project.value?.id && act.kind === "transition" && act.index === index,
  );
  const bind = (key: string): Bound[] => {
    const setting = settingNamed("defaults", key);
    if (!setting) return [];
    const model = modelNamed(job.value.model)?.defaults as Record<string, unknown> | undefined;
    const inherited = filmSetting(job.value, "defaults", key) ?? model?.[key] ?? setting.default;
    const onChange = (value: unknown) =>
      edit(`${key} of ${index}`, (job) => editKeyframe(job, index, { [key]: value }));
    const drawing = key === "guidance_damper" && <Curve index={index} to={to} damper={Number(keyframe[key] ?? inherited)} />;
    return [{ setting, value: keyframe[key], inherited, drawing, onChange }];
  };
  const rest = TRANSITION_KEYS.filter((key) => !FIRST.includes(key));
  return (
    <>
      <h2 class="panel-title">
        From keyframe {index + 1} to {to + 1}
      </h2>
      <div class="act">
        {plan?.state !== "ready" && (
          <Button icon="play" disabled={!plan || busy} onClick={() => void start({ kind: "transition", index })}>
            {busy ? "Rendering…" : plan?.state === "partial" ? "Render the rest" : "Render this transition"}
          </Button>
        )}
        <CostLine cost={costOfTransition(plan)} />
      </div>
      {plan && <TreeDrawing tree={plan.tree} reached={reached.value.get(plan.key)} complete={plan.state === "ready"} />}
      {FIRST.flatMap(bind).map((bound) => (
        <SettingRow key={bound.setting.key} {...bound} />
      ))}
      <SettingsGroup title="More about this transition" settings={rest.flatMap(bind)} />
      <p class="help">Settings of the transition belong to it alone. Those of the whole film are behind “Whole film”.</p>
    </>
  );
}
