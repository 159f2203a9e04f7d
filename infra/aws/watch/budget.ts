import { Budget as AwsBudget } from "@pulumi/aws/budgets/budget.js";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of {@link Budget}. */
export interface BudgetArgs {
  readonly monthlyUSD: number;
  /** Address that hears of 80 % spent and of a forecast above 100 %. */
  readonly email: string;
  /** Value of the tag `cloister:stack`, by which costs are told apart. */
  readonly stack: string;
}

/** Monthly budget of what carries a stack's tag. Activate `cloister:stack` as cost allocation tag once per account. */
export class Budget extends pulumi.ComponentResource {
  constructor(name: string, args: BudgetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cloister:aws:Budget", name, {}, opts);
    const tell = (notificationType: "ACTUAL" | "FORECASTED", threshold: number) => ({
      notificationType,
      threshold,
      thresholdType: "PERCENTAGE",
      comparisonOperator: "GREATER_THAN",
      subscriberEmailAddresses: [args.email],
    });
    new AwsBudget(
      name,
      {
        budgetType: "COST",
        timeUnit: "MONTHLY",
        limitAmount: String(args.monthlyUSD),
        limitUnit: "USD",
        costFilters: [{ name: "TagKeyValue", values: [`user:cloister:stack$${args.stack}`] }],
        notifications: [tell("ACTUAL", 80), tell("FORECASTED", 100)],
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
