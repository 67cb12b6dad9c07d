/** What of npm's `yaml` is bundled. */
export { parse } from "yaml";
