/** The open project: the stage, the inspector, the film strip, and the bar with which the film is made. */

import { Button } from "./controls/button";
import { Icon } from "./controls/icon";
import { FilmStrip } from "./film-strip/film-strip";
import { costOfFilm } from "./inspector/cost";
import { CostLine } from "./inspector/cost-line";
import { Inspector } from "./inspector/inspector";
import { KeyframeView, NoKeyframes } from "./keyframe/keyframe-view";
import { FilmView } from "./playback/film-view";
import { Flipbook } from "./playback/flipbook";
import { Progress } from "./queue/progress";
import { TaskButtons } from "./queue/queue";
import { wordsOf } from "./queue/words";
import { framesBetween, keyframes, knownTransition, planned, problem, project, selectedIndex, selection, start } from "./session/open-project";
import { activeTasks } from "./session/studio";

export function Workspace() {
  return (
    <main class="workspace">
      <section class="stage" aria-label="Stage">
        <Stage />
      </section>
      <Inspector />
      <FilmStrip />
      <FilmBar />
    </main>
  );
}

function Stage() {
  const selected = selection.value;
  if (keyframes.value.length === 0) return <NoKeyframes />;
  if (selected.kind === "keyframe") return <KeyframeView />;
  if (selected.kind === "transition") return <TransitionView />;
  return <FilmView key={project.value!.id} />;
}

function TransitionView() {
  const index = selectedIndex.value;
  const { plan, frames, outdated } = knownTransition(index);
  if (frames.length === 0) {
    return (
      <div class="film-view unmade">
        <Icon name="film" />
        <h2>Not rendered yet</h2>
        <p>Frames appear here as soon as they are computed, the middle first.</p>
        <Button look="primary" disabled={!plan} onClick={() => void start({ kind: "transition", index })}>
          Render this transition
        </Button>
      </div>
    );
  }
  const seconds = Number(project.value?.resolved?.transitions[index]?.seconds ?? 3);
  return (
    <div class={`film-view ${outdated ? "outdated" : ""}`}>
      <Flipbook key={index} frames={framesBetween(index)} seconds={seconds} label={`Transition from keyframe ${index + 1}`} />
      {outdated && <span class="badge">changed since these frames were computed</span>}
    </div>
  );
}

/** What the film costs, and the button that makes it; while something runs, how far it is. */
function FilmBar() {
  const open = project.value!;
  const plan = planned.value?.plan;
  const task = activeTasks.value.find((active) => active.project === open.id && active.act.kind === "film") ??
    activeTasks.value.find((active) => active.project === open.id && active.state !== "waiting");
  const upToDate = plan?.film != null && open.films.some((film) => film.format === "mp4" && film.job_key === plan.film!.key);
  const watching = selection.value.kind === "film";
  return (
    <section class="film-bar" aria-label="Make the film">
      <Button look={watching ? "quiet" : "plain"} icon="film" aria-pressed={watching} onClick={() => (selection.value = { kind: "film" })}>
        Film
      </Button>
      {task ? (
        <>
          <div class="film-bar-progress">
            <Progress task={task} />
            <p class="cost">
              {task.title} · {wordsOf(task)}
            </p>
          </div>
          <TaskButtons task={task} text />
        </>
      ) : (
        <>
          <div class="film-bar-cost">
            {problem.value ? <p class="cost">{problem.value}</p> : <CostLine cost={costOfFilm(plan, upToDate)} />}
          </div>
          <Button
            look={upToDate ? "plain" : "primary"}
            icon="play"
            disabled={!plan?.film || !!problem.value || upToDate}
            onClick={() => {
              selection.value = { kind: "film" };
              void start({ kind: "film", format: "mp4" });
            }}
          >
            {upToDate ? "Made" : open.films.length ? "Make it again" : "Make the film"}
          </Button>
        </>
      )}
    </section>
  );
}
