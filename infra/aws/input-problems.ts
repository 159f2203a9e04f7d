import * as pulumi from "@pulumi/pulumi";

/** One wrong argument, for {@link refuseInputs}. */
export interface InputProblem {
  readonly propertyPath: string;
  readonly reason: string;
}

/** Ends a component's constructor with all that is wrong with its arguments at once. */
export function refuseInputs(component: string, problems: readonly InputProblem[]): void {
  if (problems.length === 0) return;
  const message = `${component}: ${problems.map(({ propertyPath, reason }) => `${propertyPath} ${reason}`).join("; ")}`;
  throw new pulumi.InputPropertiesError({ message, errors: [...problems] });
}
