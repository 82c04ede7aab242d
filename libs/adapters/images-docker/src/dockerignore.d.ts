declare module '@balena/dockerignore' {
  type Ignore = { add(text: string): Ignore; createFilter(): (path: string) => boolean };
  export default function ignore(options: { ignorecase: boolean }): Ignore;
}
