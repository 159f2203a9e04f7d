export { findFirmware } from "../../../lib/system/firmware.ts";
