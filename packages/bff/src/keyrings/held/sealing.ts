import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import type { Opened, SealingKeyring } from '../held.ts'
import type { OpenedVersion } from './version.ts'

const ivBytes = 12
const tagBytes = 16
/** Nothing that a browser sends back in a header or a URL is longer; whoever sends more is not answered by work. */
const longestBody = 6_144

/** `<version>.<iv>.<ciphertext and tag>`, the last two in base64url. */
const form = new RegExp(`^([a-z][a-z0-9-]{0,99})\\.([\\w-]{16})\\.([\\w-]{22,${(longestBody / 3) * 4}})$`)

/** @param versions those that are accepted, by id */
export function sealingKeyring(active: OpenedVersion, versions: ReadonlyMap<string, OpenedVersion>): SealingKeyring {
  return {
    activeId: active.id,
    seal: (purpose, plain) => seal(active, purpose, plain),
    open(purpose, text) {
      const parts = partsOf(text)
      if (!parts) return { ok: false, cause: 'malformed' }
      const version = versions.get(parts.id)
      if (!version) return { ok: false, cause: 'unknown' }
      return open(version, purpose, parts, version.id === active.id)
    },
    mac(purpose, data, id = active.id) {
      const key = versions.get(id)?.key('mac', purpose)
      return key && createHmac('sha256', key).update(data).digest()
    },
  }
}

function seal(version: OpenedVersion, purpose: string, plain: string | Uint8Array): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', version.key('seal', purpose), iv).setAAD(Buffer.from(version.id))
  const body = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  if (body.length > longestBody) throw new RangeError('what is to be sealed is too long for a browser to send back')
  return textOf({ id: version.id, iv, body })
}

interface Parts {
  id: string
  iv: Buffer
  body: Buffer
}

function open(version: OpenedVersion, purpose: string, { iv, body }: Parts, isActive: boolean): Opened {
  try {
    // Without its length a tag of 4 bytes would be taken as well.
    const decipher = createDecipheriv('aes-256-gcm', version.key('seal', purpose), iv, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(version.id)).setAuthTag(body.subarray(-tagBytes))
    const plain = Buffer.concat([decipher.update(body.subarray(0, -tagBytes)), decipher.final()])
    return { ok: true, plain, version: version.id, isActive }
  } catch {
    // GCM says no more than that it does not open.
    return { ok: false, cause: 'tampered' }
  }
}

function partsOf(text: string): Parts | undefined {
  const [, id = '', iv = '', body = ''] = form.exec(text) ?? []
  const parts = { id, iv: Buffer.from(iv, 'base64url'), body: Buffer.from(body, 'base64url') }
  // In its one form alone: Node also reads base64url with other unused bits at its end, and one value would have many texts.
  return id !== '' && textOf(parts) === text ? parts : undefined
}

function textOf({ id, iv, body }: Parts): string {
  return `${id}.${iv.toString('base64url')}.${body.toString('base64url')}`
}
