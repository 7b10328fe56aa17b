/** Strips that show what a setting does: those of docs/parameters.md, and those in `strips` of this page. */

const files = import.meta.glob<string>(
  [
    "../../../../../docs/pictures/parameters/{seed-0-1,seed-4-17,seed-7-7}.jpg",
    "../../../../../docs/pictures/parameters/{negative-none,negative-red}.jpg",
    "../../../../../docs/pictures/parameters/{guidance-1,guidance-4,guidance-16}.jpg",
    "../../../../../docs/pictures/parameters/{damper-0,damper-0.5,damper-1}.jpg",
    "../../../../../docs/pictures/parameters/{sampler-ddim-6,sampler-dpmpp-2m-6}.jpg",
    "../../../../../docs/pictures/parameters/{depth-0.05,depth-0.4,depth-0.95}.jpg",
    "../../../../../docs/pictures/parameters/{quality-lowest,quality-low,quality-medium,quality-ultra}.jpg",
    "../../../../../docs/pictures/parameters/{steps-5,steps-30,frames-3,frames-9}.jpg",
    "../../../../../docs/pictures/parameters/{spacing-perceptual,spacing-fixed-4}.jpg",
    "../../../../../docs/pictures/parameters/{easing-linear,easing-smooth,easing-ease-in-cubic}.jpg",
    "../../../../../docs/pictures/parameters/{hold-0,hold-1,loop}.jpg",
    "../../../../../docs/pictures/parameters/{timing-even,timing-perceptual}.jpg",
    "../../../../../docs/pictures/parameters/{crossfeed-power-0,crossfeed-power-0.6,parental-power-0,parental-power-0.6}.jpg",
    "../../../../../docs/pictures/parameters/{crossfeed-range-0.2,crossfeed-range-1,crossfeed-decay-0,crossfeed-decay-1}.jpg",
    "../../../../../docs/pictures/parameters/{parental-range-0.3,parental-range-1,parental-decay-0,parental-decay-1}.jpg",
    "../../../../../docs/pictures/parameters/{size-64x64,size-128x128,size-192x128,spacing-pictures}.jpg",
    "../../../../../docs/pictures/parameters/{spacing-fixed-0.5,spacing-fixed-1,quality-ultra-fixed}.jpg",
    "../../../../../docs/pictures/parameters/{branches-3,branches-15,branches-27,branches-levels,branches-strengths}.jpg",
    "../../../../../docs/pictures/parameters/{rescale-0,rescale-0.7,rescale-1,clip-skip-1,clip-skip-2,clip-skip-3}.jpg",
    "../../../../../docs/pictures/parameters/{camera-zoom,camera-pan}.jpg",
    "../../strips/*.jpg",
  ],
  { query: "?url", import: "default", eager: true },
);

export interface Strip {
  value: string;
  url: string;
}

const VALUES: Record<string, [value: string, file: string][]> = {
  seed: [["0, 1", "seed-0-1"], ["4, 17", "seed-4-17"], ["7, 7", "seed-7-7"]],
  negative_prompt: [["nothing", "negative-none"], ["“red”", "negative-red"]],
  guidance_scale: [["1", "guidance-1"], ["4", "guidance-4"], ["16", "guidance-16"]],
  guidance_every: [["1", "guidance-4"], ["2", "guidance-every-2"], ["10", "guidance-every-10"]],
  guidance_rescale: [["0, scale 16", "rescale-0"], ["0.7, scale 16", "rescale-0.7"], ["1, scale 16", "rescale-1"]],
  clip_skip: [["1", "clip-skip-1"], ["2", "clip-skip-2"], ["3", "clip-skip-3"]],
  guidance_damper: [["0", "damper-0"], ["0.5", "damper-0.5"], ["1", "damper-1"]],
  sampler: [["ddim, 6 steps", "sampler-ddim-6"], ["dpmpp-2m, 6 steps", "sampler-dpmpp-2m-6"]],
  depth_strength: [["0.05", "depth-0.05"], ["0.4", "depth-0.4"], ["0.95", "depth-0.95"]],
  quality: [["lowest", "quality-lowest"], ["medium", "quality-medium"], ["ultra", "quality-ultra"]],
  steps: [["5", "steps-5"], ["30", "steps-30"]],
  frames: [["3", "frames-3"], ["9", "frames-9"]],
  spacing: [["perceptual", "spacing-perceptual"], ["fixed, 4", "spacing-fixed-4"]],
  easing: [["linear", "easing-linear"], ["smooth", "easing-smooth"], ["ease-in-cubic", "easing-ease-in-cubic"]],
  hold: [["0 s", "hold-0"], ["1 s", "hold-1"]],
  loop: [["off", "hold-0"], ["on", "loop"]],
  timing: [["even", "timing-even"], ["perceptual", "timing-perceptual"]],
  spacing_distance: [["latents", "spacing-perceptual"], ["pictures", "spacing-pictures"]],
  mid_compression: [["0.5", "spacing-fixed-0.5"], ["1", "spacing-fixed-1"], ["4", "spacing-fixed-4"]],
  size: [["64×64", "size-64x64"], ["128×128, as trained", "size-128x128"], ["192×128", "size-192x128"]],
  branches: [["2, 6", "branches-15"], ["2, 3, 4, 6", "branches-levels"]],
  injection_steps: [["0, 3", "branches-3"], ["0, 15", "branches-15"], ["0, 27", "branches-27"]],
  injection_strengths: [["0, 0.1, 0.3, 0.6", "branches-strengths"]],
  lora: [["strength 0", "lora-0"], ["strength 0.5", "lora-0.5"], ["strength 1", "lora-1"]],
  pictures: [["3", "pictures-3"], ["film", "pictures-film"]],
  between: [["latents", "pictures-film"], ["pictures", "pictures-3"]],
  branching: [["doubling", "quality-medium"], ["classic", "branching-classic"]],
  timestep_spacing: [["leading, 5 steps", "timesteps-leading"], ["trailing, 5 steps", "timesteps-trailing"]],
  model: [["pocket", "model-pocket"], ["pocket-turbo", "model-pocket-turbo"]],
  vae: [["pocket’s own", "quality-low"], ["a quick one", "vae-quick"]],
  prompt_syntax: [["weighted, (apple:2)", "prompt-syntax-weighted"], ["plain, (apple:2)", "prompt-syntax-plain"]],
  fit: [["crop", "fit-crop"], ["pad", "fit-pad"], ["stretch", "fit-stretch"]],
  inversion_iterations: [["0", "inversion-iterations-0"], ["4", "inversion-iterations-4"]],
  fps: [["3", "fps-3"], ["6", "fps-6"]],
  seconds: [["0.5 s, 6 a second", "fps-3"], ["1 s, 6 a second", "fps-6"]],
  film_seconds: [["1 s, 6 a second", "fps-3"], ["2 s, 6 a second", "fps-6"]],
  scale: [["1", "scale-1"], ["2", "scale-2"]],
  "camera.zoom": [["1..1.8", "camera-zoom"]],
  "camera.pan": [["-1,0..1,0, zoom 1.8", "camera-pan"]],
  "camera.rotation": [["-15..15, zoom 1.8", "camera-rotation"]],
  "camera.easing": [["linear, zoom 1..1.8", "camera-easing-linear"], ["smooth, zoom 1..1.8", "camera-easing-smooth"]],
  feather: [["0 px", "feather-0"], ["8 px", "feather-8"]],
  "crossfeed.range": [["0.2", "crossfeed-range-0.2"], ["1", "crossfeed-range-1"]],
  "crossfeed.decay": [["0", "crossfeed-decay-0"], ["1", "crossfeed-decay-1"]],
  "crossfeed.parental_range": [["0.3", "parental-range-0.3"], ["1", "parental-range-1"]],
  "crossfeed.parental_decay": [["0", "parental-decay-0"], ["1", "parental-decay-1"]],
  "crossfeed.power": [["0", "crossfeed-power-0"], ["0.6", "crossfeed-power-0.6"]],
  "crossfeed.parental_power": [["0", "parental-power-0"], ["0.6", "parental-power-0.6"]],
};

const urls = new Map(Object.entries(files).map(([path, url]) => [path.replace(/^.*\/|\.jpg$/g, ""), url]));

export function stripsOf(table: string, key: string): Strip[] {
  const values = VALUES[`${table}.${key}`] ?? (["camera", "crossfeed", "upscale"].includes(table) ? undefined : VALUES[key]);
  return (values ?? []).flatMap(([value, file]) => {
    const url = urls.get(file);
    return url ? [{ value, url }] : [];
  });
}
