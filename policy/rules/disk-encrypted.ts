import type { ResourceRule } from "../core/rule.ts";
import { INSTANCE, TEMPLATE, VOLUME } from "../core/types.ts";
import { each, type Value } from "../core/value.ts";

export const diskEncrypted: ResourceRule = {
  name: "disk-encrypted",
  severity: "high",
  reason: "Disks hold what sessions work with: each is encrypted with a key of the stack.",
  remedy: "Set `encrypted: true` and `kmsKeyId` on the disk.",
  link: "docs/aws-security.md",
  types: [VOLUME, TEMPLATE, INSTANCE],
  check: ({ type, props }, report) => {
    const look = (disk: Value, what: string): void => {
      if (disk.at("encrypted").flag() !== true) report(`${what} is not encrypted`);
      else if (!disk.at("kmsKeyId").isSet) report(`${what} is encrypted with AWS's key, not with the stack's`);
    };
    if (type === VOLUME) return look(props, "the disk");
    const mappings = type === TEMPLATE ? props.at("blockDeviceMappings").list() : [];
    const own = ["rootBlockDevice", "ebsBlockDevices"].flatMap((key) => props.at(key).list());
    each(mappings, (mapping) => {
      if (mapping.at("ebs").isSet) look(mapping.at("ebs"), `the disk ${mapping.at("deviceName").text() ?? ""}`);
    });
    if (type === INSTANCE)
      each(own, (disk) => look(disk, `the disk ${disk.at("deviceName").text() ?? "of the system"}`));
  },
};
