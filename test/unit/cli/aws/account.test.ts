import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { awsFleet } from "../../../../cli/aws/fleet.ts";
import type { OperatorAwsOutputs } from "../../../../contract/outputs.ts";

/** Answers of EC2, Auto Scaling and STS in an account that has nothing. SSM's JSON is empty, too. */
function answer(body: string, account: string): string {
  const action = new URLSearchParams(body).get("Action");
  if (action === "GetCallerIdentity")
    return `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
  if (action === "DescribeInstances") return "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
  return "{}";
}

describe("credentials of another account", () => {
  const VARIABLES = [
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
  ];
  const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  let server: Server;
  let asked: string[];
  let account: string;

  beforeEach(async () => {
    asked = [];
    server = createServer(async (request, response) => {
      const body = await text(request);
      asked.push(new URLSearchParams(body).get("Action") ?? "");
      response.end(answer(body, account));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    for (const name of VARIABLES) delete process.env[name];
    process.env["AWS_ENDPOINT_URL"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env["AWS_ACCESS_KEY_ID"] = process.env["AWS_SECRET_ACCESS_KEY"] = "stand-in";
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const outputs = (accountId?: string): OperatorAwsOutputs => ({
    target: "aws",
    region: "eu-central-1",
    machines: { one: { instanceId: "i-00000000000000001", templateVersion: 3 } },
    pools: {},
    ...(accountId === undefined ? {} : { accountId }),
  });

  it("are told, where a stack would seem to have lost its machines", async () => {
    account = "222222222222";
    await assert.rejects(awsFleet("prod", outputs("111111111111")).machines(), (error: Error) => {
      assert.match(error.message, /^the stack prod is in the account 111111111111, .* are for 222222222222\. Set AWS_/);
      return true;
    });
  });

  it("are none where the account is the stack's, or the stack does not know its own", async () => {
    account = "111111111111";
    const [machine, ...more] = await awsFleet("prod", outputs("111111111111")).machines();
    assert.equal(machine?.name, "one", "it is listed as gone");
    assert.deepEqual(more, []);
    assert.ok(asked.includes("GetCallerIdentity"));
    account = "222222222222";
    assert.equal((await awsFleet("prod", outputs()).machines()).length, 1);
  });
});
