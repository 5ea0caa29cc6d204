import "@graphiql/react/setup-workers/vite";
import "@graphiql/react/font/roboto.css";
import "@graphiql/react/font/fira-code.css";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "./page.css";
import "./panels.css";
import { createRoot } from "react-dom/client";
import { GraphiqlPage } from "./page.jsx";

createRoot(document.getElementById("page")).render(<GraphiqlPage />);
