import { rootCertificates } from 'node:tls'
import { Agent, fetch as fetchByAgent } from 'undici'
import type { Send } from '../calls/call.ts'
import type { Pdp } from '../config/files/pdp.ts'

/** How the decision point is reached, and who issues tokens for it. */
export interface Transport {
  readonly toPdp: Send
  readonly toIssuer: Send
  close(): Promise<void>
}

export function transportOf({ isVerified, certificates }: Pdp['tls'], fetch: Send): Transport {
  if (isVerified && certificates === undefined) return { toPdp: fetch, toIssuer: fetch, close: async () => undefined }
  const ca = certificates === undefined ? undefined : [...rootCertificates, certificates]
  const verified = new Agent({ connect: { ca } })
  const toPdp = isVerified ? verified : new Agent({ connect: { rejectUnauthorized: false } })
  return {
    toPdp: sendBy(toPdp),
    // Our secret goes there: whatever was said of the decision point was not said of it.
    toIssuer: sendBy(verified),
    async close() {
      await Promise.all([toPdp.close(), toPdp === verified ? undefined : verified.close()])
    },
  }
}

function sendBy(dispatcher: Agent): Send {
  return async (url, { method, headers, body, redirect, signal }) =>
    (await fetchByAgent(url, {
      dispatcher,
      ...(method && { method }),
      headers: headers as Record<string, string>,
      body: body as string,
      ...(redirect && { redirect }),
      ...(signal && { signal }),
    })) as unknown as Response
}
