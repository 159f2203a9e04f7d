/** A sentence that is shown in a list is at most this long. */
const LONGEST = 160;

/**
 * The first sentence of what a program or a machine said, for a line of a list: the rest of a journal, of a dump or of
 * an assertion says nothing to who reads it. Whoever wants all of it has the place that the sentence is from.
 */
export function firstSentence(text: string): string {
  const [line = ""] = text.trim().split(/[\n|]/);
  const [sentence = ""] = line.split(/(?<=[\w)"'])\. (?=[A-Z])/);
  const short = sentence.trim().replace(/\.$/, "");
  if (short.length <= LONGEST) return short;
  const end = short.lastIndexOf(" ", LONGEST - 3);
  return `${short.slice(0, end > LONGEST / 2 ? end : LONGEST - 3)}...`;
}
