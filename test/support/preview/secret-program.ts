/** A program whose one resource has a secret among its inputs, nested and by itself. */
export const SECRET_PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const { Command } = require("@pulumi/command/local");
const token = new pulumi.Config().requireSecret("token");
new Command("holder", {
  create: "exit 0",
  environment: { TOKEN: token, PLAIN: "plain" },
  triggers: [[token, "nested"]],
  stdin: pulumi.interpolate\`token is \${token}\`,
});
`;
