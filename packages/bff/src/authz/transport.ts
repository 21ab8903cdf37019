import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { Agent, fetch as fetchByAgent } from 'undici'
import type { Send } from '../calls/call.ts'
import type { Pdp } from '../config/files/pdp.ts'
import { BffError } from '../error.ts'

/** How the decision point is reached, and who issues tokens for it. */
export interface Transport {
  readonly toPdp: Send
  readonly toIssuer: Send
  close(): Promise<void>
}

/** @throws BffError `CONFIG_INVALID` when the file of certificates cannot be read */
export function transportOf({ isVerified, caFile }: Pdp['tls'], fetch: Send): Transport {
  if (isVerified && caFile === undefined) return { toPdp: fetch, toIssuer: fetch, close: async () => undefined }
  const ca = caFile === undefined ? undefined : [...rootCertificates, readCertificates(caFile)]
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

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new BffError('CONFIG_INVALID', `pdp.yaml: connection.ca_file cannot be read (${code})`)
  }
}
