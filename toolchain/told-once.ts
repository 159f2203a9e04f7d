/** ` +  TYPE NAME creating (2s) MESSAGE`: how Pulumi tells of a resource where it cannot draw (pkg/backend/display/rows.go). */
const ROW = /^(\s*[-+~<>=]*\s+)(\S+) (\S+) (\w+)( \([\d.]+\w+\))? (.+)$/;

/**
 * Makes a filter of Pulumi's plain lines: when a resource is done, Pulumi repeats the last thing that was said of it. It has been
 * told by then, and is left out.
 *
 * @returns the line to tell
 */
export function toldOnce(): (line: string) => string {
  const said = new Map<string, string>();
  return (line) => {
    const [, mark = "", type = "", name = "", status = "", time = "", message = ""] = ROW.exec(line) ?? [];
    if (message === "" || !/(ing|ed)$/.test(status)) return line;
    const resource = `${type} ${name}`;
    if (status.endsWith("ed") && said.get(resource) === message) return `${mark}${resource} ${status}${time}`;
    said.set(resource, message);
    return line;
  };
}
