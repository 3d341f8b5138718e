import { Component, type ComponentType } from 'preact';

/** The component, drawn again only when one of its properties is another value. */
export function memo<P extends object>(Inner: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const before = this.props as Readonly<Record<string, unknown>>;
      const after = next as Readonly<Record<string, unknown>>;
      return Object.keys({ ...before, ...after }).some((name) => !Object.is(before[name], after[name]));
    }

    override render(props: P) {
      return <Inner {...props} />;
    }
  };
}
