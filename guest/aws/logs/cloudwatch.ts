import {
  CloudWatchLogsClient,
  type CloudWatchLogsClientConfig,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { LogEvent } from "./rows.ts";
import type { Destination } from "./shipment.ts";

/** A stream of a log group. */
export interface LogStream extends Destination {
  /** Makes the stream, where it is not there. @throws when the group is not there, or the role may not */
  prepare(): Promise<void>;
}

/** A stream by AWS's API. Only CreateLogStream and PutLogEvents are called. */
export function logStream(logGroupName: string, logStreamName: string, config: CloudWatchLogsClientConfig): LogStream {
  const client = new CloudWatchLogsClient(config);
  const prepare = async (): Promise<void> => {
    try {
      await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    } catch (error) {
      if ((error as Error).name !== "ResourceAlreadyExistsException") throw error;
    }
  };
  const put = async (events: readonly LogEvent[]): Promise<number> => {
    const logEvents = events.map(({ timestamp, message }) => ({ timestamp, message }));
    const { rejectedLogEventsInfo: gone } = await client.send(
      new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }),
    );
    return refused(events.length, gone ?? {});
  };
  return {
    prepare,
    async send(events) {
      try {
        return await put(events);
      } catch (error) {
        const { name } = error as Error;
        if (name === "DataAlreadyAcceptedException") return 0;
        if (name !== "ResourceNotFoundException") throw error;
        await prepare();
        return await put(events);
      }
    },
  };
}

/** Counts the events that were refused: those before an index, or from one on (API reference, RejectedLogEventsInfo). */
export function refused(
  count: number,
  {
    tooOldLogEventEndIndex: old = 0,
    expiredLogEventEndIndex: expired = 0,
    tooNewLogEventStartIndex: ahead = count,
  }: {
    readonly tooOldLogEventEndIndex?: number | undefined;
    readonly expiredLogEventEndIndex?: number | undefined;
    readonly tooNewLogEventStartIndex?: number | undefined;
  },
): number {
  return Math.min(count, Math.max(old, expired) + (count - ahead));
}
