import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./page.css";
import { createRoot } from "react-dom/client";
import { GraphiqlPage } from "./page.jsx";

createRoot(document.getElementById("page")).render(<GraphiqlPage />);
