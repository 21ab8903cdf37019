const STAMPED = /-(\d{9,11})(?:-[0-9a-f]+)?$/

/** The kid of a key made by a rotation: age shows, and the start of the thumbprint keeps two makers of one second apart. */
export function stampedKid(kid: string, thumbprint: string, madeAt: number): string {
  const four = Buffer.from(thumbprint, 'base64url').toString('hex').slice(0, 4)
  return `${kid}-${Math.floor(madeAt / 1000)}-${four}`
}

/** The kid without what a rotation put behind it. */
export const baseOf = (kid: string): string => kid.replace(STAMPED, '')

/** When the key of this kid was made, in milliseconds since the epoch, where the kid tells. */
export function stampOf(kid: string): number | undefined {
  const seconds = STAMPED.exec(kid)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
