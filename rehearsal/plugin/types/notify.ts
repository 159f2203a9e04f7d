/** Topics and who hears of them: sns. */
import { z } from "zod";
import { sns } from "../clients.ts";
import { arn, type ResourceType, resource, tagChanges, tagList, tagMap, tags, text, unlessGone } from "../resource.ts";

const topic = resource({
  inputs: z.strictObject({ name: text, tags }),
  autoName: "name",
  replaceOn: ["name"],
  source: "sns/topic.go",
  computed: ["arn", "tagsAll"],
  async create(inputs) {
    const { TopicArn = "" } = await (await sns()).createTopic({ Name: inputs.name, Tags: tagList(inputs.tags) });
    return TopicArn;
  },
  async read(id) {
    const api = await sns();
    if (!(await unlessGone(api.getTopicAttributes({ TopicArn: id })))) return undefined;
    const { Tags } = await api.listTagsForResource({ ResourceArn: id });
    return { name: id.split(":").at(-1), arn: id, tags: tagMap(Tags), tagsAll: tagMap(Tags) };
  },
  async update(id, news, olds) {
    const api = await sns();
    const { set, remove } = tagChanges(olds.tags, news.tags);
    if (remove.length > 0) await api.untagResource({ ResourceArn: id, TagKeys: remove });
    if (Object.keys(set).length > 0) await api.tagResource({ ResourceArn: id, Tags: tagList(set) });
  },
  async delete(id) {
    await (await sns()).deleteTopic({ TopicArn: id });
  },
});

const subscription = resource({
  inputs: z.strictObject({ topic: arn, protocol: z.literal("email"), endpoint: z.email() }),
  replaceOn: ["topic", "protocol", "endpoint"],
  source: "sns/topic_subscription.go",
  computed: ["arn"],
  async create(inputs) {
    const { SubscriptionArn = "" } = await (await sns()).subscribe({
      TopicArn: inputs.topic,
      Protocol: inputs.protocol,
      Endpoint: inputs.endpoint,
      ReturnSubscriptionArn: true,
    });
    return SubscriptionArn;
  },
  async read(id) {
    const found = await unlessGone((await sns()).getSubscriptionAttributes({ SubscriptionArn: id }));
    const { TopicArn, Protocol, Endpoint } = found?.Attributes ?? {};
    return found && { topic: TopicArn, protocol: Protocol, endpoint: Endpoint, arn: id };
  },
  async delete(id) {
    await (await sns()).unsubscribe({ SubscriptionArn: id });
  },
});

export const TYPES: Readonly<Record<string, ResourceType>> = {
  "aws:sns/topic:Topic": topic,
  "aws:sns/topicSubscription:TopicSubscription": subscription,
};
