declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export interface SwaggerRequest {
    url: string
    headers: Record<string, string>
    /** Sends the request instead of fetch. */
    userFetch?: typeof fetch
  }
  export default function SwaggerUI(options: {
    url: string
    domNode: Element
    deepLinking: boolean
    docExpansion: 'list' | 'none' | 'full'
    filter: boolean
    validatorUrl: null
    defaultModelsExpandDepth: number
    tryItOutEnabled: boolean
    requestSnippetsEnabled: boolean
    plugins: (() => object)[]
    requestInterceptor: (request: SwaggerRequest) => SwaggerRequest | Promise<SwaggerRequest>
  }): unknown
}
