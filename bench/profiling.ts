// `--cpu-prof FOLDER`: every gateway that is measured writes a CPU profile, to open in a browser's developer tools.

let folder: string | undefined;

export function profileInto(path: string | undefined): void {
  folder = path;
}

/** What a gateway's environment needs for that. Its profile is written when it ends in good order. */
export const profilingEnv = (): Record<string, string> =>
  folder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
