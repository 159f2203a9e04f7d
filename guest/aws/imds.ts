/**
 * The instance metadata service, version 2 only (EC2 user guide, "Use the Instance Metadata Service"). The packet filter lets
 * root alone reach it.
 */
export class Imds {
  readonly #endpoint: string;
  #token: { readonly value: string; readonly until: number } | undefined;

  constructor(endpoint = process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254") {
    this.#endpoint = endpoint.replace(/\/$/, "");
  }

  /**
   * Returns one item below `/latest/meta-data/`, or undefined when the instance has no item of this name.
   *
   * @throws when the service does not answer within 5 s, or answers with anything but 200 and 404
   */
  async item(path: string): Promise<string | undefined> {
    const response = await this.#ask(path);
    // A token can be lost with the service's own memory.
    const answer = response.status === 401 ? await this.#ask(path, true) : response;
    const text = await answer.text();
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`the metadata service answered ${answer.status} for ${path}`);
    return text.trim();
  }

  async #ask(path: string, anew = false): Promise<Response> {
    if (anew || this.#token === undefined || this.#token.until < Date.now()) await this.#renew();
    return await fetch(`${this.#endpoint}/latest/meta-data/${path}`, {
      headers: { "x-aws-ec2-metadata-token": this.#token?.value ?? "" },
      signal: AbortSignal.timeout(5_000),
    });
  }

  async #renew(): Promise<void> {
    const seconds = 3_600;
    const response = await fetch(`${this.#endpoint}/latest/api/token`, {
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": String(seconds) },
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) throw new Error(`the metadata service gave no token: ${response.status}`);
    this.#token = { value: await response.text(), until: Date.now() + (seconds - 60) * 1_000 };
  }
}

/** Auto Scaling tags each machine that it starts (Auto Scaling user guide, "Tag Auto Scaling groups and instances"). */
const GROUP_TAG = "tags/instance/aws:autoscaling:groupName";

/**
 * The name of this machine's Auto Scaling group, asked for until it is known.
 *
 * @throws while the metadata has no such tag: tags may come a moment after the machine
 */
export function groupOf(imds: Pick<Imds, "item">): () => Promise<string> {
  let known: string | undefined;
  return async () => {
    known ??= await imds.item(GROUP_TAG);
    if (known === undefined)
      throw new Error("the instance's metadata has no tag aws:autoscaling:groupName, which names its group");
    return known;
  };
}
