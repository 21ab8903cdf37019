/** A request as its sender saw it. */
export interface PresentedRequest {
  readonly method: string
  /** Absolute, with the scheme and host that the client used: behind a proxy these are not the ones of the socket. */
  readonly url: string
  /** All values of a field joined by ', ', or undefined where there is none. */
  header(name: string): string | undefined
  /** The certificate that the client presented in its TLS handshake, as DER. */
  readonly certificate?: Uint8Array | undefined
}

/** How a token was presented: the scheme of its `Authorization` field, the token itself, and the request around it. */
export interface Presented {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
  readonly request: PresentedRequest
}
