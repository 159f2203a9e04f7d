/** Rights and keys: iam, kms, secretsmanager. */
import { z } from "zod";
import { iam, kms, made, secrets } from "../clients.ts";
import {
  arn,
  count,
  flag,
  type ResourceType,
  resource,
  tagChanges,
  tagList,
  tagMap,
  tags,
  text,
  unlessGone,
} from "../resource.ts";

const role = resource({
  inputs: z.strictObject({
    name: text.max(64),
    description: text.max(1000).optional(),
    assumeRolePolicy: text,
    permissionsBoundary: arn.optional(),
    tags,
  }),
  autoName: "name",
  replaceOn: ["name"],
  source: "iam/role.go",
  computed: ["arn", "createDate", "inlinePolicies", "managedPolicyArns", "uniqueId", "tagsAll"],
  async create(inputs) {
    const { Role } = await (await iam()).createRole({
      RoleName: inputs.name,
      Description: inputs.description,
      AssumeRolePolicyDocument: inputs.assumeRolePolicy,
      PermissionsBoundary: inputs.permissionsBoundary,
      Tags: tagList(inputs.tags),
    });
    return Role?.RoleName ?? "";
  },
  async read(id) {
    const api = await iam();
    const found = (await unlessGone(api.getRole({ RoleName: id })))?.Role;
    if (!found) return undefined;
    const { AttachedPolicies } = await api.listAttachedRolePolicies({ RoleName: id });
    const { PolicyNames } = await api.listRolePolicies({ RoleName: id });
    return {
      name: found.RoleName,
      arn: found.Arn,
      uniqueId: found.RoleId,
      ...(found.Description ? { description: found.Description } : {}),
      // Those of anybody. Of the ones in the role the provider reads the text too, which is not read here.
      managedPolicyArns: (AttachedPolicies ?? []).map(({ PolicyArn }) => PolicyArn),
      inlinePolicies: (PolicyNames ?? []).map((name) => ({ name })),
      assumeRolePolicy: decodeURIComponent(found.AssumeRolePolicyDocument ?? ""),
      ...(found.PermissionsBoundary ? { permissionsBoundary: found.PermissionsBoundary.PermissionsBoundaryArn } : {}),
      tags: tagMap(found.Tags),
      tagsAll: tagMap(found.Tags),
    };
  },
  async update(id, news, olds) {
    const api = await iam();
    if (news.description !== olds.description)
      await api.updateRoleDescription({ RoleName: id, Description: news.description });
    if (news.assumeRolePolicy !== olds.assumeRolePolicy)
      await api.updateAssumeRolePolicy({ RoleName: id, PolicyDocument: news.assumeRolePolicy });
    if (news.permissionsBoundary !== olds.permissionsBoundary) {
      if (news.permissionsBoundary)
        await api.putRolePermissionsBoundary({ RoleName: id, PermissionsBoundary: news.permissionsBoundary });
      else await api.deleteRolePermissionsBoundary({ RoleName: id });
    }
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagRole({ RoleName: id, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagRole({ RoleName: id, Tags: tagList(set) });
  },
  async delete(id) {
    await (await iam()).deleteRole({ RoleName: id });
  },
});

const rolePolicy = resource({
  inputs: z.strictObject({ name: text, role: text, policy: text }),
  autoName: "name",
  replaceOn: ["name", "role"],
  source: "iam/role_policy.go",
  computed: [],
  async create(inputs) {
    await putRolePolicy(inputs);
    return `${inputs.role}:${inputs.name}`;
  },
  async read(_id, state) {
    const found = await unlessGone((await iam()).getRolePolicy({ RoleName: state.role, PolicyName: state.name }));
    return (
      found && {
        role: found.RoleName,
        name: found.PolicyName,
        policy: decodeURIComponent(found.PolicyDocument ?? ""),
      }
    );
  },
  update: async (_id, news) => await putRolePolicy(news),
  async delete(_id, { role, name }) {
    await (await iam()).deleteRolePolicy({ RoleName: role, PolicyName: name });
  },
});

async function putRolePolicy(inputs: { role: string; name: string; policy: string }): Promise<void> {
  await (await iam()).putRolePolicy({
    RoleName: inputs.role,
    PolicyName: inputs.name,
    PolicyDocument: inputs.policy,
  });
}

/** IAM keeps so many versions of a policy. */
const VERSIONS = 5;

const policy = resource({
  inputs: z.strictObject({ name: text.max(128), description: text.max(1000), policy: text.max(20_000), tags }),
  autoName: "name",
  replaceOn: ["name", "description"],
  source: "iam/policy.go",
  computed: ["arn", "policyId", "attachmentCount", "tagsAll"],
  volatile: ["attachmentCount"],
  async create(inputs) {
    const { Policy } = await (await iam()).createPolicy({
      PolicyName: inputs.name,
      Description: inputs.description,
      PolicyDocument: inputs.policy,
      Tags: tagList(inputs.tags),
    });
    return Policy?.Arn ?? "";
  },
  async read(id) {
    const api = await iam();
    const found = (await unlessGone(api.getPolicy({ PolicyArn: id })))?.Policy;
    if (!found) return undefined;
    const { PolicyVersion } = await api.getPolicyVersion({ PolicyArn: id, VersionId: found.DefaultVersionId });
    return {
      name: found.PolicyName,
      arn: id,
      policyId: found.PolicyId,
      description: found.Description,
      policy: decodeURIComponent(PolicyVersion?.Document ?? ""),
      tags: tagMap(found.Tags),
      tagsAll: tagMap(found.Tags),
    };
  },
  async update(id, news, olds) {
    const api = await iam();
    if (news.policy !== olds.policy) {
      await deleteOldVersions(id, VERSIONS - 1);
      await api.createPolicyVersion({ PolicyArn: id, PolicyDocument: news.policy, SetAsDefault: true });
    }
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagPolicy({ PolicyArn: id, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagPolicy({ PolicyArn: id, Tags: tagList(set) });
  },
  async delete(id) {
    await deleteOldVersions(id, 1);
    await (await iam()).deletePolicy({ PolicyArn: id });
  },
});

/** Deletes the oldest versions that are not the default one, as the provider does, so that at most some are left. */
async function deleteOldVersions(PolicyArn: string, most: number): Promise<void> {
  const api = await iam();
  const { Versions = [] } = await api.listPolicyVersions({ PolicyArn });
  const old = Versions.filter(({ IsDefaultVersion }) => !IsDefaultVersion).reverse();
  for (const { VersionId } of old.slice(0, Math.max(0, Versions.length - most)))
    await api.deletePolicyVersion({ PolicyArn, VersionId });
}

const attachment = resource({
  inputs: z.strictObject({ role: text, policyArn: arn }),
  replaceOn: ["role", "policyArn"],
  source: "iam/role_policy_attachment.go",
  computed: [],
  async create({ role, policyArn }) {
    await (await iam()).attachRolePolicy({ RoleName: role, PolicyArn: policyArn });
    return `${role}/${policyArn}`;
  },
  async read(_id, { role, policyArn }) {
    const attached = await unlessGone((await iam()).listAttachedRolePolicies({ RoleName: role }));
    const found = attached?.AttachedPolicies?.find(({ PolicyArn }) => PolicyArn === policyArn);
    return found && { role, policyArn };
  },
  async delete(_id, { role, policyArn }) {
    await (await iam()).detachRolePolicy({ RoleName: role, PolicyArn: policyArn });
  },
});

const openIdConnectProvider = resource({
  inputs: z.strictObject({ url: text.regex(/^https:\/\//), clientIdLists: z.array(text).min(1), tags }),
  replaceOn: ["url"],
  source: "iam/openid_connect_provider.go",
  computed: ["arn", "thumbprintLists", "tagsAll"],
  async create(inputs) {
    const { OpenIDConnectProviderArn } = await (await iam()).createOpenIDConnectProvider({
      Url: inputs.url,
      ClientIDList: inputs.clientIdLists,
      Tags: tagList(inputs.tags),
    });
    return OpenIDConnectProviderArn ?? "";
  },
  async read(id) {
    const found = await unlessGone((await iam()).getOpenIDConnectProvider({ OpenIDConnectProviderArn: id }));
    return (
      found && {
        url: `https://${(found.Url ?? "").replace(/^https:\/\//, "")}`,
        arn: id,
        clientIdLists: found.ClientIDList,
        tags: tagMap(found.Tags),
        tagsAll: tagMap(found.Tags),
      }
    );
  },
  async update(id, news, olds) {
    const api = await iam();
    for (const ClientID of news.clientIdLists.filter((one) => !olds.clientIdLists.includes(one)))
      await api.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn: id, ClientID });
    for (const ClientID of olds.clientIdLists.filter((one) => !news.clientIdLists.includes(one)))
      await api.removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn: id, ClientID });
  },
  async delete(id) {
    await (await iam()).deleteOpenIDConnectProvider({ OpenIDConnectProviderArn: id });
  },
});

const instanceProfile = resource({
  inputs: z.strictObject({ name: text, role: text, tags }),
  autoName: "name",
  replaceOn: ["name"],
  source: "iam/instance_profile.go",
  computed: ["arn", "createDate", "uniqueId", "tagsAll"],
  async create(inputs) {
    const api = await iam();
    await api.createInstanceProfile({ InstanceProfileName: inputs.name, Tags: tagList(inputs.tags) });
    made(inputs.name);
    await api.addRoleToInstanceProfile({ InstanceProfileName: inputs.name, RoleName: inputs.role });
    return inputs.name;
  },
  async read(id) {
    const found = (await unlessGone((await iam()).getInstanceProfile({ InstanceProfileName: id })))?.InstanceProfile;
    return (
      found && {
        name: found.InstanceProfileName,
        arn: found.Arn,
        role: found.Roles?.[0]?.RoleName,
        tags: tagMap(found.Tags),
        tagsAll: tagMap(found.Tags),
      }
    );
  },
  async update(id, news, olds) {
    const api = await iam();
    if (news.role !== olds.role) {
      // One that was made in part has none.
      if (olds.role) await api.removeRoleFromInstanceProfile({ InstanceProfileName: id, RoleName: olds.role });
      await api.addRoleToInstanceProfile({ InstanceProfileName: id, RoleName: news.role });
    }
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagInstanceProfile({ InstanceProfileName: id, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagInstanceProfile({ InstanceProfileName: id, Tags: tagList(set) });
  },
  async delete(id, { role }) {
    const api = await iam();
    if (role) await api.removeRoleFromInstanceProfile({ InstanceProfileName: id, RoleName: role });
    await api.deleteInstanceProfile({ InstanceProfileName: id });
  },
});

const kmsTags = (map: Record<string, string> | undefined) =>
  Object.entries(map ?? {}).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));

const key = resource({
  inputs: z.strictObject({
    description: text,
    enableKeyRotation: flag,
    deletionWindowInDays: count.min(7).max(30),
    policy: text,
    tags,
  }),
  replaceOn: [],
  source: "kms/key.go",
  computed: ["arn", "keyId", "tagsAll"],
  async create(inputs) {
    const api = await kms();
    const { KeyMetadata } = await api.createKey({
      Description: inputs.description,
      Policy: inputs.policy,
      Tags: kmsTags(inputs.tags),
    });
    const KeyId = made(KeyMetadata?.KeyId);
    if (inputs.enableKeyRotation) await api.enableKeyRotation({ KeyId });
    return KeyId;
  },
  async read(id) {
    const api = await kms();
    const found = (await unlessGone(api.describeKey({ KeyId: id })))?.KeyMetadata;
    if (!found || found.KeyState === "PendingDeletion") return undefined;
    const { Policy } = await api.getKeyPolicy({ KeyId: id, PolicyName: "default" });
    const { KeyRotationEnabled } = await api.getKeyRotationStatus({ KeyId: id });
    const { Tags } = await api.listResourceTags({ KeyId: id });
    const map = Object.fromEntries((Tags ?? []).map(({ TagKey = "", TagValue = "" }) => [TagKey, TagValue]));
    return {
      arn: found.Arn,
      keyId: id,
      description: found.Description,
      policy: Policy,
      enableKeyRotation: KeyRotationEnabled,
      tags: map,
      tagsAll: map,
    };
  },
  async update(id, news, olds) {
    const api = await kms();
    if (news.enableKeyRotation !== olds.enableKeyRotation) {
      if (news.enableKeyRotation) await api.enableKeyRotation({ KeyId: id });
      else await api.disableKeyRotation({ KeyId: id });
    }
    if (news.description !== olds.description)
      await api.updateKeyDescription({ KeyId: id, Description: news.description });
    if (news.policy !== olds.policy) await api.putKeyPolicy({ KeyId: id, PolicyName: "default", Policy: news.policy });
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagResource({ KeyId: id, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagResource({ KeyId: id, Tags: kmsTags(set) });
  },
  async delete(id, { deletionWindowInDays }) {
    await (await kms()).scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: deletionWindowInDays });
  },
});

const alias = resource({
  inputs: z.strictObject({ name: text.regex(/^alias\//), targetKeyId: text }),
  replaceOn: ["name"],
  source: "kms/alias.go",
  computed: ["arn", "targetKeyArn"],
  async create(inputs) {
    await (await kms()).createAlias({ AliasName: inputs.name, TargetKeyId: inputs.targetKeyId });
    return inputs.name;
  },
  async read(id) {
    const { Aliases } = await (await kms()).listAliases({});
    const found = Aliases?.find(({ AliasName }) => AliasName === id);
    return found && { name: found.AliasName, targetKeyId: found.TargetKeyId, arn: found.AliasArn };
  },
  async update(id, news) {
    await (await kms()).updateAlias({ AliasName: id, TargetKeyId: news.targetKeyId });
  },
  async delete(id) {
    await (await kms()).deleteAlias({ AliasName: id });
  },
});

const secret = resource({
  inputs: z.strictObject({
    name: text,
    description: text,
    kmsKeyId: arn,
    recoveryWindowInDays: count.min(7).max(30),
    tags,
  }),
  autoName: "name",
  replaceOn: ["name"],
  source: "secretsmanager/secret.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const { ARN } = await (await secrets()).createSecret({
      Name: inputs.name,
      Description: inputs.description,
      KmsKeyId: inputs.kmsKeyId,
      Tags: tagList(inputs.tags),
    });
    return ARN ?? "";
  },
  async read(id) {
    const found = await unlessGone((await secrets()).describeSecret({ SecretId: id }));
    if (!found || found.DeletedDate) return undefined;
    return {
      name: found.Name,
      arn: found.ARN,
      description: found.Description,
      kmsKeyId: found.KmsKeyId,
      tags: tagMap(found.Tags),
      tagsAll: tagMap(found.Tags),
    };
  },
  async update(id, news, olds) {
    const api = await secrets();
    if (news.description !== olds.description || news.kmsKeyId !== olds.kmsKeyId)
      await api.updateSecret({ SecretId: id, Description: news.description, KmsKeyId: news.kmsKeyId });
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagResource({ SecretId: id, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagResource({ SecretId: id, Tags: tagList(set) });
  },
  async delete(id, { recoveryWindowInDays }) {
    await (await secrets()).deleteSecret({ SecretId: id, RecoveryWindowInDays: recoveryWindowInDays });
  },
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:iam/role:Role": role,
  "aws:iam/rolePolicy:RolePolicy": rolePolicy,
  "aws:iam/instanceProfile:InstanceProfile": instanceProfile,
  "aws:iam/policy:Policy": policy,
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": attachment,
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": openIdConnectProvider,
  "aws:kms/key:Key": key,
  "aws:kms/alias:Alias": alias,
  "aws:secretsmanager/secret:Secret": secret,
};
