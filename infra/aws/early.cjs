// Plain JavaScript, and only the parts of the SDK that are loaded already: it runs before the program's bundle is loaded.
"use strict";
const { getConfig } = require("@pulumi/pulumi/runtime/config");
const { isDryRun } = require("@pulumi/pulumi/runtime/settings");
const { ProviderResource } = require("@pulumi/pulumi/resource");

/**
 * The provider whose plugin needs no setting, registered before the program is loaded: the engine starts plugins one after
 * another, each before it does anything else, and has nothing to do by then. It is the one that `@pulumi/command` makes,
 * whose own class would load all of the SDK.
 *
 * Only in a preview, where nothing is made: the settings may yet be refused.
 *
 * @returns undefined where the stack is not on AWS, or this is no preview
 */
exports.earlyProvider = async () => {
  if (!isDryRun() || getConfig("cloister:target") !== "aws") return undefined;
  const { version } = require("@pulumi/command/package.json");
  const command = new ProviderResource("command", "command", {}, { version: version.replace(/^v/, "") });
  // What is loaded next keeps this process busy: the engine is to hear of the provider first.
  await new Promise((resolve) => setTimeout(resolve, 5));
  return command;
};
