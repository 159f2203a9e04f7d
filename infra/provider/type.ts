/** Type token of the one resource that the plugin `cloister` serves. */
export const POWER_STATE_TYPE = "cloister:local:PowerState";
