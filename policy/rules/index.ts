import type { Rule } from "../core/rule.ts";
import { alarms } from "./alarms.ts";
import { amiAge } from "./ami-age.ts";
import { amiOwner } from "./ami-owner.ts";
import { amiPinned } from "./ami-pinned.ts";
import { bucketComplete } from "./bucket-complete.ts";
import { bucketEncrypted } from "./bucket-encrypted.ts";
import { bucketPrivate } from "./bucket-private.ts";
import { bucketTls } from "./bucket-tls.ts";
import { budget } from "./budget.ts";
import { dataProtected } from "./data-protected.ts";
import { diskEncrypted } from "./disk-encrypted.ts";
import { graviton } from "./graviton.ts";
import { iamNoEscalation } from "./iam-no-escalation.ts";
import { iamNoWildcard } from "./iam-no-wildcard.ts";
import { iamTrust } from "./iam-trust.ts";
import { imdsHopLimit } from "./imds-hop-limit.ts";
import { imdsV2 } from "./imds-v2.ts";
import { keyClosed } from "./key-closed.ts";
import { keyRotates } from "./key-rotates.ts";
import { keyWaits } from "./key-waits.ts";
import { knownType } from "./known-type.ts";
import { logEncrypted } from "./log-encrypted.ts";
import { logRetention } from "./log-retention.ts";
import { noInboundRule } from "./no-inbound-rule.ts";
import { noPublicAddress } from "./no-public-address.ts";
import { refresh } from "./refresh.ts";
import { secretEncrypted } from "./secret-encrypted.ts";
import { snapshots } from "./snapshots.ts";
import { tags } from "./tags.ts";
import { templateVersion } from "./template-version.ts";
import { terminationProtected } from "./termination-protected.ts";
import { userDataLimit } from "./user-data-limit.ts";
import { userDataSecrets } from "./user-data-secrets.ts";

/** All rules, in the order of their names. */
export const RULES: readonly Rule[] = [
  alarms,
  amiAge,
  amiOwner,
  amiPinned,
  bucketComplete,
  bucketEncrypted,
  bucketPrivate,
  bucketTls,
  budget,
  dataProtected,
  diskEncrypted,
  graviton,
  iamNoEscalation,
  iamNoWildcard,
  iamTrust,
  imdsHopLimit,
  imdsV2,
  keyClosed,
  keyRotates,
  keyWaits,
  knownType,
  logEncrypted,
  logRetention,
  noInboundRule,
  noPublicAddress,
  refresh,
  secretEncrypted,
  snapshots,
  tags,
  templateVersion,
  terminationProtected,
  userDataLimit,
  userDataSecrets,
];
