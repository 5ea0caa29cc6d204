import { Component, type ReactNode } from "react";

type Props = { children: ReactNode };

/** Shows why a request failed, as Relay throws what it cannot read. */
export class ErrorBoundary extends Component<Props, { error?: Error }> {
  state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  render() {
    const { error } = this.state;
    return error ? <p role="alert">{error.message}</p> : this.props.children;
  }
}
