/**
 * Services that get an endpoint: those of SSM (its agent takes commands by `ssmmessages` as well since version 3.3), and all
 * that the guest speaks to where there is no other way out.
 */
export function endpointServices(closed: boolean): string[] {
  return ["ssm", "ssmmessages", ...(closed ? ["logs", "secretsmanager", "autoscaling"] : [])];
}
