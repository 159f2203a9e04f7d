import { escapeCases } from "../escape/cases.ts";
import { bootContainer } from "../escape/support/container-machine.ts";
import { type Machine, scaleOf } from "../escape/support/machine.ts";

/** A selection of the walls of `npm run test:escape -- --container`, whose attacks take seconds. */
describe("a container's walls", function () {
  this.timeout(900_000);
  let machine: Machine | undefined;
  let dispose = async () => {};

  before(async () => {
    ({ machine, dispose } = await bootContainer(() => {}, scaleOf(false, 1)));
  });
  after(() => dispose());

  escapeCases({
    machine: () => machine ?? fail(),
    walls: ["bits", "bridges", "proxies"],
    container: true,
  });
});

function fail(): never {
  throw new Error("there is no container");
}
